/** The signer as a Worker of its own: keys stay on this side, only bytes to sign and signed bytes cross (RPC). */

import { WorkerEntrypoint } from "cloudflare:workers";
import { answerRpc, type Signer, type SignerRpc } from "../platform/signer.ts";
import { openSignerCore } from "./core.ts";
import { openR2State } from "./state.ts";

export type SignerBindings = { SIGNER_STATE: R2Bucket; SIGNER_SECRET: string };

export default class SignerWorker extends WorkerEntrypoint<SignerBindings> implements SignerRpc {
  // RPC only: over HTTP there is nothing here.
  override async fetch(): Promise<Response> {
    return new Response(null, { status: 404 });
  }

  publicKeys() {
    return this.#answer((core) => core.publicKeys());
  }

  releaseKey(publisher: string) {
    return this.#answer((core) => core.releaseKey(publisher));
  }

  createReleaseKey(publisher: string) {
    return this.#answer((core) => core.createReleaseKey(publisher));
  }

  signRelease(payload: Uint8Array) {
    return this.#answer((core) => core.signRelease(payload));
  }

  signRecall(payload: Uint8Array) {
    return this.#answer((core) => core.signRecall(payload));
  }

  lastStatements(publisher: string, set: string) {
    return this.#answer((core) => core.lastStatements(publisher, set));
  }

  signReceipt(payload: Uint8Array) {
    return this.#answer((core) => core.signReceipt(payload));
  }

  #answer<T>(act: (core: Signer) => Promise<T>) {
    return answerRpc(async () => {
      const { SIGNER_STATE, SIGNER_SECRET } = this.env;
      return act(await openSignerCore({ state: openR2State(SIGNER_STATE), secret: SIGNER_SECRET }));
    });
  }
}
