/** The console's table of contents: which screen stands behind which name, and who may see it. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Audit } from "./account/audit.tsx";
import { Members } from "./account/members.tsx";
import { Preferences } from "./account/preferences.tsx";
import { Retention } from "./account/retention.tsx";
import { Approvals } from "./approvals/approvals.tsx";
import { CaseScreen } from "./case/case-screen.tsx";
import { Fault } from "./parts/fault.tsx";
import { Loading } from "./parts/notice.tsx";
import { Publish } from "./publish/publish.tsx";
import { Ready } from "./publish/ready.tsx";
import { Queue } from "./queue/queue.tsx";
import { hasRole, loadSession, session } from "./session.ts";
import { Catalogue } from "./sets/catalogue.tsx";
import { SetScreen } from "./sets/set-screen.tsx";
import { route } from "./shell/route.ts";
import { Shell } from "./shell/shell.tsx";
import { SignIn } from "./sign-in/sign-in.tsx";
import { TakeBack } from "./take-back/take-back.tsx";

export type NavItem = { screen: string; label: string; key: string; roles: string[]; group: string };

/** In the order in which the rail shows them. `key` follows `g`. */
export const NAVIGATION: readonly NavItem[] = [
  { screen: "queue", label: "Queue", key: "q", roles: ["analyst"], group: "Assess" },
  { screen: "my-cases", label: "My cases", key: "m", roles: ["analyst"], group: "Assess" },
  { screen: "ready", label: "Ready to publish", key: "p", roles: ["publisher"], group: "Publish" },
  { screen: "take-back", label: "Take back", key: "t", roles: ["publisher"], group: "Publish" },
  { screen: "approvals", label: "Approvals", key: "a", roles: ["administrator", "operator"], group: "Run" },
  { screen: "members", label: "Members", key: "b", roles: ["operator"], group: "Run" },
  { screen: "audit", label: "Audit", key: "u", roles: ["operator"], group: "Account" },
  { screen: "retention", label: "Retention", key: "r", roles: ["operator"], group: "Account" },
  { screen: "catalogue", label: "Catalogue", key: "c", roles: [], group: "Look up" },
  { screen: "preferences", label: "Preferences", key: "o", roles: [], group: "Look up" },
];

const SCREENS: Record<string, (rest: string[]) => JSX.Element> = {
  queue: () => <Queue mine={false} />,
  "my-cases": () => <Queue mine={true} />,
  case: ([number]) => <CaseScreen number={Number(number)} key={number} />,
  ready: () => <Ready />,
  publish: ([publisher = "", set = ""]) => <Publish publisher={publisher} set={set} />,
  "take-back": ([set = ""]) => <TakeBack set={set} />,
  approvals: () => <Approvals />,
  members: () => <Members />,
  audit: () => <Audit />,
  retention: () => <Retention />,
  catalogue: () => <Catalogue />,
  set: ([publisher = "", set = ""]) => <SetScreen publisher={publisher} set={set} key={`${publisher}/${set}`} />,
  preferences: () => <Preferences />,
};

export function allowedItems(): NavItem[] {
  return NAVIGATION.filter((item) => item.roles.length === 0 || hasRole(...item.roles));
}

export function App() {
  const [error, setError] = useState<unknown>();
  const load = () => loadSession().then(() => setError(undefined), setError);
  useEffect(() => void load(), []);
  if (error) {
    return (
      <main class="gate">
        <h1>Breakwater</h1>
        <Fault error={error} again={load} />
      </main>
    );
  }
  if (session.value === undefined) {
    return (
      <main class="gate">
        <h1>Breakwater</h1>
        <Loading what="your session" />
      </main>
    );
  }
  if (session.value === null) {
    return (
      <main class="gate">
        <SignIn />
      </main>
    );
  }
  const first = allowedItems()[0]?.screen ?? "catalogue";
  const name = route.value.screen || first;
  const screen = SCREENS[name] ?? SCREENS[first];
  return <Shell current={name}>{screen?.(route.value.rest)}</Shell>;
}
