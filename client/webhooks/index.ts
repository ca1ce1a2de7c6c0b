/** Webhooks: what was taken back, told to this member's own systems. */

export { type Delivered, deliverWebhooks, sendWebhook } from "./deliver.ts";
export {
  type Endpoint,
  findEndpoint,
  newSecret,
  parseEndpointUrl,
  parseSecret,
  removeEndpoint,
  writeEndpoint,
} from "./endpoint.ts";
export { messageId, queueTakenBack } from "./outbox.ts";
