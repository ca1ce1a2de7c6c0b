/** One thread for everything a request does: long work gives way to what is waiting for the network. */

/** Ends after whatever the runtime has ready to run, input and output included. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
