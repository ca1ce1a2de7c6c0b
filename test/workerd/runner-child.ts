// A runner in a process of its own, so that a test can end it as nothing ends by itself.
import { startExchange } from "@breakwater/local/exchange.ts";

const home = process.argv[2];
if (!home) throw new Error("name a home");
const exchange = await startExchange({ home, durable: false });
console.log(JSON.stringify({ url: exchange.url, databaseUrl: exchange.databaseUrl }));
