/** Who is signed in, and what the session has come to: cases opened, time since the last break. */
import { Session } from "@breakwater/shared/wire/members.ts";
import { signal } from "@preact/signals";
import { act, get, post, Refusal, whenSignedOut } from "./api.ts";

/** `undefined` while it is not known yet, `null` when nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);

/** True when the exchange ended the session while a screen was open; what was typed stays on it. */
export const endedWhileAway = signal(false);

export const startedAt = Date.now();
export const casesOpened = signal<ReadonlySet<number>>(new Set());
export const breakPutOffUntil = signal(0);

export const BREAK_AFTER_CASES = 20;
export const BREAK_AFTER_MS = 25 * 60_000;
export const BREAK_PUT_OFF_MS = 10 * 60_000;

whenSignedOut(() => {
  endedWhileAway.value = true;
});

export async function loadSession(): Promise<void> {
  try {
    session.value = await get("/v1/session", Session);
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) session.value = null;
    else throw error;
  }
}

export async function signIn(token: string): Promise<void> {
  session.value = await post("/v1/session", { token }, Session);
  endedWhileAway.value = false;
}

export async function signOut(): Promise<void> {
  try {
    await act("DELETE", "/v1/session");
  } catch (error) {
    // One that has ended already is what was asked for; anything else must not look like a sign-out.
    if (!(error instanceof Refusal) || error.status !== 401) throw error;
  }
  endedWhileAway.value = false;
  session.value = null;
  location.hash = "";
}

export function hasRole(...roles: string[]): boolean {
  return session.value?.person.roles.some((role) => roles.includes(role)) ?? false;
}
