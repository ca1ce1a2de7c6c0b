/** The log's signer as a Worker of its own: the note key stays on this side, only tree heads and notes cross (RPC). */

import { WorkerEntrypoint } from "cloudflare:workers";
import type { CheckpointRequest, LogSigner, LogSignerRpc } from "../platform/log-signer.ts";
import { answerRpc } from "../platform/signer.ts";
import { openR2State } from "../signer/state.ts";
import { openLogSignerCore } from "./core.ts";

export type LogSignerBindings = { LOG_SIGNER_STATE: R2Bucket; LOG_SIGNER_SECRET: string };

export default class LogSignerWorker extends WorkerEntrypoint<LogSignerBindings> implements LogSignerRpc {
  // RPC only: over HTTP there is nothing here.
  override async fetch(): Promise<Response> {
    return new Response(null, { status: 404 });
  }

  vkey(origin: string) {
    return this.#answer((core) => core.vkey(origin));
  }

  head(origin: string) {
    return this.#answer((core) => core.head(origin));
  }

  signCheckpoint(request: CheckpointRequest) {
    return this.#answer((core) => core.signCheckpoint(request));
  }

  #answer<T>(act: (core: LogSigner) => Promise<T>) {
    return answerRpc(async () => {
      const { LOG_SIGNER_STATE, LOG_SIGNER_SECRET } = this.env;
      return act(await openLogSignerCore({ state: openR2State(LOG_SIGNER_STATE), secret: LOG_SIGNER_SECRET }));
    });
  }
}
