// SPDX-License-Identifier: MIT
// usage: node openapi.mjs NODE_MODULES FILE
//
// Ends with 0 when a validator finds FILE to be OpenAPI, else tells why not.
import { pathToFileURL } from "node:url";

const [modules, file] = process.argv.slice(2);
const { Validator } = await import(pathToFileURL(
  `${modules}/@seriousme/openapi-schema-validator/index.js`));
const validator = new Validator();
const found = await validator.validate(file);

if (!found.valid) {
  console.error(JSON.stringify(found.errors, null, 1));
  process.exit(1);
}
console.log(`OpenAPI ${validator.version}`);
