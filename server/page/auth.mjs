// SPDX-License-Identifier: MIT
/** The token: asked for when the server wants one, forgotten on demand. */
import { onUnauthorized, setToken, token } from "./api.mjs";
import { askForToken } from "./dialogs.mjs";
import { byId } from "./dom.mjs";

let asking = null;

async function ask(refused) {
	const given = await askForToken(refused);

	if (given)
		setToken(given);
	show();
	return given !== "";
}

function show() {
	byId("signout").hidden = !token();
}

/** Ask once, for however many requests wait for it. */
export function startAuth() {
	onUnauthorized((refused) => {
		asking ??= ask(refused).finally(() => { asking = null; });
		return asking;
	});
	byId("signout").addEventListener("click", () => {
		setToken("");
		show();
	});
	show();
}
