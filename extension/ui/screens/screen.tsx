// A screen of somebody who is enrolled: the frame with the organisation's name and, where there is one, the lock.
import type { ComponentChildren, JSX } from "preact";
import { enrolment, vault } from "../desk.ts";
import { lockNow } from "../lock-actions.ts";
import { Frame } from "../parts/frame.tsx";

type ScreenProps = { title: string; lead?: ComponentChildren; footer?: ComponentChildren; children: ComponentChildren };

export function Screen(props: ScreenProps): JSX.Element {
  const lockable = vault.value.guarded && vault.value.state === "open";
  return (
    <Frame
      {...props}
      organisation={enrolment.value?.member_title}
      onLock={lockable ? () => void lockNow() : undefined}
    />
  );
}
