/** Entry: style, then the app. */
import "@breakwater/shared/ui/breakwater.css";
import "./console.css";
import { render } from "preact";
import { z } from "zod";
import { applyPreferences } from "./account/preferences.tsx";
import { App } from "./app.tsx";

const root = document.getElementById("app");
if (!root) throw new Error("the page has no place for the app");
// Without this zod tries `new Function`, which the content policy reports as a violation.
z.config({ jitless: true });
applyPreferences();
render(<App />, root);
