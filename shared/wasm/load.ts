/** Loads a kernel where the platform lets code be made at run time, and says so where it does not. */
import { findBase64url } from "../bytes.ts";

export const PAGE_BYTES = 65_536;
/** 4 GiB: what 32-bit addresses reach. */
const MAX_PAGES = 65_536;

export type Kernel<Exports> = { exports: Exports; memory: WebAssembly.Memory };

const modules = new Map<string, WebAssembly.Module | undefined>();

/**
 * @param base64url - the module's bytes
 * @param memoryBytes - how much memory it gets at once
 * @returns undefined where there is no WebAssembly or no SIMD, where a content policy or the platform forbids it (browser
 *   extensions, Workers), or where that much memory is not to be had: then the plain path is the right one
 */
export function loadKernel<Exports>(base64url: string, memoryBytes: number): Kernel<Exports> | undefined {
  const module = compile(base64url);
  const pages = Math.ceil(memoryBytes / PAGE_BYTES);
  if (module === undefined || pages > MAX_PAGES) return undefined;
  try {
    const memory = new WebAssembly.Memory({ initial: pages });
    const { exports } = new WebAssembly.Instance(module, { host: { memory } });
    return { exports: exports as Exports, memory };
  } catch {
    return undefined;
  }
}

/** Compiled once; a refusal is remembered too, since a content policy reports each attempt. */
function compile(base64url: string): WebAssembly.Module | undefined {
  if (!modules.has(base64url)) modules.set(base64url, tryCompile(base64url));
  return modules.get(base64url);
}

function tryCompile(base64url: string): WebAssembly.Module | undefined {
  const bytes = findBase64url(base64url);
  if (bytes === undefined) throw new TypeError("a kernel's bytes are damaged");
  try {
    return new WebAssembly.Module(bytes);
  } catch {
    return undefined;
  }
}
