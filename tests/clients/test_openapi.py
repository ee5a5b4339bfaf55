# SPDX-License-Identifier: MIT
"""What describes the API to programs, as programs read it: GET /openapi.json,
by a validator of OpenAPI.

Source: OpenAPI Specification 3.1.0.
"""
import json

from programs import HERE, NodeCase, main


class Document(NodeCase):
    """What the daemon says of itself."""

    def validate(self, text):
        """What the validator says of a document: exit code 0, or it fails."""
        return self.run_tool(
            "node", str(HERE / "openapi.mjs"), str(self.modules),
            self.write("openapi.json", text)).decode()

    def test_valid(self):
        served = self.http("GET", "/openapi.json")
        self.assertEqual(self.validate(served.body), "OpenAPI 3.1\n")

    def test_validator_can_fail(self):
        document = json.loads(self.http("GET", "/openapi.json").body)
        document["paths"]["/files"]["get"]["responses"]["200"] = {}
        with self.assertRaises(AssertionError):
            self.validate(json.dumps(document).encode())


if __name__ == "__main__":
    main()
