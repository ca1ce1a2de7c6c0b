/** A failure as a banner: cause, what is kept, what to do; the code last. */
import { explain } from "../api.ts";
import { Button } from "./button.tsx";

export function Fault({ error, again }: { error: unknown; again?: () => unknown }) {
  const { title, next, code } = explain(error);
  return (
    <div class="banner danger" role="alert">
      <p>
        <b>{title}</b> {next}
      </p>
      <p class="line-up">
        {again ? (
          <Button small onPress={again}>
            Try again
          </Button>
        ) : null}
        <code>{code}</code>
      </p>
    </div>
  );
}
