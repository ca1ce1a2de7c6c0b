import { describe, expect, it } from "vitest";
import { parseOutboundUrl, postMessage } from "./outbound.ts";

const reasonOf = (origin: string, text: string): unknown => {
  try {
    return parseOutboundUrl({ origin }, text).href;
  } catch (error) {
    return (error as { detail: { reason: string } }).detail.reason;
  }
};

describe("an address that a member named", () => {
  it.each([
    "https://desk.example/breakwater",
    "https://desk.police.example:8443/in?key=1",
    "https://xn--bcher-kva.example/",
    "https://desk.example./",
  ])("may be %s", (text) => expect(reasonOf("https://exchange.example", text)).toBe(text));

  it.each([
    ["http://desk.example/", "scheme"],
    ["ftp://desk.example/", "form"],
    ["//desk.example/", "form"],
    ["https://user:word@desk.example/", "credentials"],
    ["https://127.0.0.1/", "host"],
    ["https://0x7f.1/", "host"],
    ["https://2130706433/", "host"],
    ["https://10.0.0.1/", "host"],
    ["https://169.254.169.254/latest", "host"],
    ["https://203.0.113.9/", "host"],
    ["https://[::1]/", "host"],
    ["https://[fe80::1]/", "host"],
    ["https://[::ffff:10.0.0.1]/", "host"],
    ["https://localhost/", "host"],
    ["https://db.localhost./", "host"],
    ["https://database/", "host"],
    ["https://metadata.google.internal/", "host"],
    ["https://printer.local/", "host"],
    ["https://router.home.arpa/", "host"],
  ])("is never %s", (text, reason) => expect(reasonOf("https://exchange.example", text)).toBe(reason));

  it("is free where the exchange itself is on the loopback interface, and for nobody who only looks like it", () => {
    expect(reasonOf("http://127.0.0.1:8787", "http://127.0.0.1:9000/in")).toBe("http://127.0.0.1:9000/in");
    expect(reasonOf("http://localhost:8787", "http://10.0.0.1/")).toBe("http://10.0.0.1/");
    expect(reasonOf("https://127.0.0.1.example", "http://127.0.0.1/")).toBe("scheme");
  });

  it("that was stored before it was forbidden is not asked", async () => {
    expect(await postMessage({ origin: "https://exchange.example" }, "http://127.0.0.1:9/", {})).toBe(false);
  });
});
