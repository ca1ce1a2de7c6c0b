/** Theme, density and single keys: settings of this browser, nothing of anyone else. */
import { useState } from "preact/hooks";
import { Choices } from "../parts/choices.tsx";
import { setSingleKeys, singleKeys } from "../shell/keyboard.ts";
import { Screen } from "../shell/screen.tsx";

const THEME = "bw-theme";
const DENSITY = "bw-density";

function apply(name: "theme" | "density", value: string): void {
  const root = document.documentElement;
  if (value === "system" || value === "comfortable") delete root.dataset[name];
  else root.dataset[name] = value;
}

/** Applied before the first paint of the app. */
export function applyPreferences(): void {
  apply("theme", localStorage.getItem(THEME) ?? "system");
  apply("density", localStorage.getItem(DENSITY) ?? "comfortable");
}

export function Preferences() {
  const [theme, setTheme] = useState(localStorage.getItem(THEME) ?? "system");
  const [density, setDensity] = useState(localStorage.getItem(DENSITY) ?? "comfortable");
  return (
    <Screen title="Preferences">
      <section class="card">
        <Choices
          legend="Theme"
          name="theme"
          options={[
            { value: "system", label: "As the system has it" },
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
          ]}
          value={theme}
          onChoose={(value) => {
            localStorage.setItem(THEME, value);
            setTheme(value);
            apply("theme", value);
          }}
        />
        <Choices
          legend="Density"
          name="density"
          options={[
            { value: "comfortable", label: "Comfortable" },
            { value: "compact", label: "Compact" },
          ]}
          value={density}
          onChoose={(value) => {
            localStorage.setItem(DENSITY, value);
            setDensity(value);
            apply("density", value);
          }}
        />
        <Choices
          legend="Single keys"
          name="single-keys"
          hint="Off: every act is still reachable with Tab."
          options={[
            { value: "on", label: "On" },
            { value: "off", label: "Off" },
          ]}
          value={singleKeys.value ? "on" : "off"}
          onChoose={(value) => setSingleKeys(value === "on")}
        />
      </section>
    </Screen>
  );
}
