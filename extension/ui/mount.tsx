// Opens the desk, then draws; both pages of the extension begin here.
import { render } from "preact";
import "@breakwater/shared/ui/breakwater.css";
import "./panel.css";
import { App } from "./app.tsx";
import { ask, enrolment, openDesk } from "./desk.ts";
import { NoStoreScreen } from "./screens/gate.tsx";

export async function mount(options: { standaloneOptions: boolean }): Promise<void> {
  const root = document.getElementById("app");
  if (!root) throw new Error("no #app");
  try {
    await openDesk();
  } catch {
    return render(<NoStoreScreen />, root);
  }
  render(<App {...options} />, root);
  // What happened while the panel was closed: an approval, a recovered network.
  await ask({ type: enrolment.value?.state === "waiting" ? "check_enrolment" : "deliver" });
}
