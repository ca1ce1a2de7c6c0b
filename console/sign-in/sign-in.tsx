/** Signing in with a one-time link. The button sends it, so that a program that fetches links ahead does not use it up. */
import { useState } from "preact/hooks";
import { Refusal } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Fault } from "../parts/fault.tsx";
import { Banner } from "../parts/notice.tsx";
import { signIn } from "../session.ts";
import { Screen } from "../shell/screen.tsx";

/** Taken from the address once and removed from it, so that it stays in no history. */
function takeToken(): string | undefined {
  if (location.pathname !== "/sign-in") return undefined;
  const token = location.hash.slice(1);
  history.replaceState(null, "", "/");
  return token || undefined;
}

const token = takeToken();

export function SignIn() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const ended = error instanceof Refusal && error.status >= 400 && error.status < 500 && error.status !== 429;
  if (!token || ended) {
    return (
      <Screen title="Sign in">
        <Banner tone={ended ? "caution" : "info"}>
          <p>
            <b>{ended ? "This link has ended." : "You need a sign-in link."}</b> A link works once, for 15 minutes. Ask
            your operator for a new one.
          </p>
        </Banner>
      </Screen>
    );
  }
  return (
    <Screen title="Sign in">
      <p>This link works once. It signs you in on this browser.</p>
      {error ? <Fault error={error} /> : null}
      <p>
        <Button
          look="primary"
          busy={busy ? "Signing in…" : false}
          onPress={async () => {
            setBusy(true);
            try {
              await signIn(token);
            } catch (refusal) {
              setError(refusal);
              setBusy(false);
            }
          }}
        >
          Sign in
        </Button>
      </p>
    </Screen>
  );
}
