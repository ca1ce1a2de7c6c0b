import { describe, expect, it } from "vitest";
import { findImagery } from "./imagery-gate.ts";
import { defangHost, defangUrl, digestUrl, parseReportedUrl, REMOVED } from "./reported-url.ts";
import { PASSING } from "./testing/reported-addresses.ts";

describe("addresses that real reports have", () => {
  it("are at least forty shapes", () => {
    expect(PASSING.length).toBeGreaterThanOrEqual(40);
  });

  it.each(PASSING)("%s passes the rule and the imagery gate, and stays the same when read again", (_, address) => {
    const { url, url_canonical } = parseReportedUrl(address);
    expect(findImagery({ locations: [{ url, url_canonical }], accounts: [{ profile_url: url }] })).toBeUndefined();
    expect(parseReportedUrl(url)).toMatchObject({ url, url_canonical });
    expect(parseReportedUrl(url_canonical).url_canonical).toBe(url_canonical);
  });

  it.each(PASSING)("%s is no live address once defanged", (_, address) => {
    const text = defangUrl(parseReportedUrl(address).url);
    expect(text).not.toMatch(/https?:\/\//i);
    expect(URL.canParse(text) && /^https?:/.test(new URL(text).protocol)).toBe(false);
  });
});

describe("what belongs to the flagger", () => {
  it.each([
    "https://user:secret@a.example/",
    "https://a.example/?sid=secret",
    "https://a.example/?x=1&PHPSESSID=secret#top",
    "https://a.example/p;jsessionid=secret?x=1",
    "https://a.example/#access_token=secret&state=1",
    "https://a.example/?%73id=secret",
    "https://a.example/?SID=secret",
    "https://a.example/?api_key=secret",
    "https://a.example/?id=7;sid=secret",
    "https://a.example/#/album/77?access_token=secret&view=grid",
    "https://a.example/#!/album/77?view=grid&sid=secret",
    "https://a.example/#/album;jsessionid=secret",
    "https://a.example/(S(secret))/album.aspx?id=7",
    "https://a.example/shop/(A(x)F(y)S(secret))/album.aspx",
    "https://a.example/login?next=%2Falbum%3Fid%3D7%26sid%3Dsecret%23top",
    "https://a.example/login?next=https%3A%2F%2Fb.example%2F%3Fphpsessid%3Dsecret&x=1",
  ])("goes out of %s, visibly", (address) => {
    const { url, url_canonical, redacted } = parseReportedUrl(address);
    expect(url + url_canonical).not.toContain("secret");
    expect(redacted).toBe(true);
    if (!address.includes("user:")) expect(url).toContain(REMOVED);
  });

  it.each([
    "https://proxy.example/_next/image?url=https%3A%2F%2Fother.example%2Fa.jpg%3Ftoken%3Dkeepme&w=640&q=75",
    "https://app.example/#/album/77?token=keepme",
    "https://wiki.example/Drawing_(plate)/(2)?a=1;b=2",
    "https://mega.example/file/AbCdEfGh#p1q2r3s4t5u6v7w8x9y0",
  ])("leaves %s as it is", (address) => {
    expect(parseReportedUrl(address)).toMatchObject({ url: address, redacted: false });
  });

  it.each([
    ["https://a.example/(S(one))/p.aspx", "https://a.example/(S(two))/p.aspx"],
    ["https://a.example/#/p?sid=one", "https://a.example/#/p?sid=two"],
    ["https://a.example/?n=%2Fp%3Fsid%3Done", "https://a.example/?n=%2Fp%3Fsid%3Dtwo"],
  ])("%s and %s compare as one place", (first, second) => {
    const [one, two] = [parseReportedUrl(first), parseReportedUrl(second)];
    expect(one.url_canonical).toBe(two.url_canonical);
    expect(parseReportedUrl(one.url)).toEqual(one);
    expect(parseReportedUrl(one.url_canonical).url_canonical).toBe(one.url_canonical);
  });

  it.each(["token", "key", "sig", "Signature", "X-Amz-Signature", "hdnts", "oh", "expires", "auth_key"])(
    "does not take the address's own %s with it",
    (name) => {
      const address = `https://cdn.example/a.jpg?${name}=keepme`;
      expect(parseReportedUrl(address)).toMatchObject({ url: address, redacted: false });
    },
  );
});

describe("comparing addresses", () => {
  it("is blind to visitor, tracking, escapes and post", async () => {
    const key = new Uint8Array(32).fill(1);
    const forms = [
      "https://forum.example/t/7?id=1",
      "HTTPS://FORUM.example:443/t/%37?id=1&utm_source=x#post-3",
      `https://forum.example./t/7?id=1&sid=${"a".repeat(32)}`,
      `https://forum.example/t/7?s=${"a".repeat(32)}&id=1`,
    ];
    const digests = await Promise.all(forms.map((form) => digestUrl(key, parseReportedUrl(form).url_canonical)));
    expect(new Set(digests).size).toBe(1);
    expect(await digestUrl(new Uint8Array(32).fill(2), "https://forum.example/t/7?id=1")).not.toBe(digests[0]);
  });

  it("keeps apart what only the token or the route tells apart", () => {
    const canonical = (address: string) => parseReportedUrl(address).url_canonical;
    expect(canonical("https://a.example/get?token=1")).not.toBe(canonical("https://a.example/get?token=2"));
    expect(canonical("https://a.example/#/1")).not.toBe(canonical("https://a.example/#/2"));
  });

  it("refuses a key of another length", async () => {
    await expect(digestUrl(new Uint8Array(16), "https://a.example/")).rejects.toThrow(RangeError);
  });
});

describe("defanging", () => {
  it.each([
    ["https://forum.example/t/1042", "hxxps://forum[.]example/t/1042"],
    ["http://203.0.113.7:80/", "hxxp://203[.]0[.]113[.]7:80/"],
    ["http://https://b.example/", "hxxp://https[:]//b.example/"],
    ["https://a.example/?u=https://b.example/", "hxxps://a[.]example/?u=https[:]//b.example/"],
    ["mailto:a@b.example", "mailto[:]a@b[.]example"],
    ["javascript:alert(1)", "javascript[:]alert(1)"],
  ])("%s becomes %s", (address, text) => expect(defangUrl(address)).toBe(text));

  it("breaks a host", () => expect(defangHost("cdn.forum.example")).toBe("cdn[.]forum[.]example"));
});
