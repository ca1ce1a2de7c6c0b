/** Loading one answer for a screen, and loading it again. */
import { useCallback, useEffect, useState } from "preact/hooks";

export type Loaded<T> = { value: T | undefined; error: unknown; reload: () => Promise<void> };

/**
 * @param key - loads again when it changes
 * @param everyMs - asks again at this pace while the page is visible; a failed repeat keeps the value and sets `error`
 */
export function useLoad<T>(key: string, load: () => Promise<T>, everyMs?: number): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: unknown }>({ key });
  const reload = useCallback(async () => {
    try {
      const value = await load();
      setState({ key, value });
    } catch (error) {
      setState((was) => (was.key === key ? { ...was, error } : { key, error }));
    }
  }, [key]);
  useEffect(() => {
    void reload();
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [reload, everyMs]);
  return {
    value: state.key === key ? state.value : undefined,
    error: state.key === key ? state.error : undefined,
    reload,
  };
}
