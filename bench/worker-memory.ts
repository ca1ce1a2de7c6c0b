// What one Worker holds, told by its own runtime: the process around it also simulates storage and everything else beside it.

const POLL_MS = 50;
const BYTES_PER_MIB = 1024 ** 2;

/** @see https://chromedevtools.github.io/devtools-protocol/tot/Runtime/#method-getHeapUsage */
type HeapUsage = { usedSize: number; backingStorageSize: number };
type Answer = { id?: number; result?: HeapUsage; error?: { message: string } };

export type WorkerMemory = {
  /** The most that its heap, garbage not yet collected included, and its buffers together have been, in MiB. */
  stop(): Promise<number>;
};

/** @param inspectorUrl - of the Worker alone */
export async function watchWorkerMemory(inspectorUrl: string): Promise<WorkerMemory> {
  const socket = new WebSocket(inspectorUrl);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("the runtime's inspector does not answer"));
  });
  let most = 0;
  let failed: Error | undefined;
  let isOver = false;
  let [asked, answered] = [0, Promise.withResolvers<void>()];
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(String(data)) as Answer;
    if (id === undefined) return; // an event, which nobody asked for
    if (result === undefined) failed = new Error(`the inspector says: ${error?.message}`);
    else most = Math.max(most, result.usedSize + result.backingStorageSize);
    answered.resolve();
  };
  socket.onclose = () => {
    if (!isOver) failed = new Error("the runtime's inspector has ended");
    answered.resolve();
  };
  const watching = (async () => {
    while (!isOver && failed === undefined) {
      answered = Promise.withResolvers<void>();
      socket.send(JSON.stringify({ id: ++asked, method: "Runtime.getHeapUsage" }));
      await answered.promise;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  })();
  return {
    async stop() {
      isOver = true;
      await watching;
      socket.close();
      if (failed !== undefined) throw failed;
      return Math.round(most / BYTES_PER_MIB);
    },
  };
}
