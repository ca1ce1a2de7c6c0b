/** Forty shapes and more that addresses in real reports have; all pass, none is a real place. */

const LONG = "A1b2C3d4E5f6G7h8".repeat(40);
const HEX = "0123456789abcdef".repeat(4);
const ONION = `${"abcdefghijklmnopqrstuvwxyz234567".repeat(2).slice(0, 56)}.onion`;

/** Title, address. All pass the rule and, in the sealed part, the imagery gate. */
export const PASSING: [title: string, url: string][] = [
  ["plain page", "https://forum.example/t/1042"],
  ["plain http", "http://forum.example/t/1042"],
  ["host in capitals", "HTTPS://Forum.EXAMPLE/T/1042"],
  ["default port", "https://forum.example:443/t/1042"],
  ["odd port", "http://board.example:8080/viewtopic.php?t=7"],
  ["root without a path", "https://forum.example"],
  ["host with a last dot", "https://forum.example./t/1"],
  ["post in a thread", "https://forum.example/t/1042?page=3#post-99812"],
  ["board topic with session", `https://board.example/viewtopic.php?f=2&t=77&sid=${HEX.slice(0, 32)}`],
  ["board topic with short session", `https://board.example/showthread.php?s=${HEX.slice(0, 32)}&t=77`],
  ["letter s that is no session", "https://search.example/find?s=hello"],
  ["session in the path", "https://shop.example/item;jsessionid=8A7B6C5D4E?id=4"],
  ["session by query", "https://board.example/index.php?PHPSESSID=abc123&topic=5.0"],
  ["login token", "https://social.example/p/77?access_token=EAAB1234&view=full"],
  ["user name and password", "https://user:secret@files.example/a/b.jpg"],
  [
    "bucket signature, version 4",
    `https://bucket.store.example/a.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261122%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20261122T120000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=${HEX}`,
  ],
  [
    "bucket signature with a long security token",
    `https://bucket.store.example/a.jpg?X-Amz-Security-Token=${LONG}&X-Amz-Signature=${HEX}`,
  ],
  [
    "edge signature with policy",
    `https://d111.cdn.example/v/a.mp4?Policy=${LONG}&Signature=${LONG.slice(0, 344)}&Key-Pair-Id=K2JCJMDEHXQW5F`,
  ],
  [
    "storage signature, goog",
    `https://storage.example/b/a.png?GoogleAccessId=x%40y.example&Expires=1790000000&Signature=${LONG.slice(0, 300)}%3D`,
  ],
  [
    "blob signature, shared access",
    "https://acct.blob.example/c/a.jpg?sv=2024-05-04&se=2026-11-23T00%3A00%3A00Z&sr=b&sp=r&sig=abc%2Bdef%2Fghi%3D",
  ],
  [
    "file token that is the address",
    "https://files.example/v0/b/app/o/img%2F1.jpg?alt=media&token=0b9f1c7e-9d42-4c1a-8f60-1f2e3d4c5b6a",
  ],
  [
    "path token as JWT",
    `https://stream.example/eyJhbGciOiJSUzI1NiJ9.${LONG.slice(0, 200)}.${LONG.slice(0, 86)}/manifest/video.m3u8`,
  ],
  ["akamai style token", "https://media.example/hls/a.m3u8?hdnts=exp=1790000000~acl=/hls/*~hmac=0a1b2c3d"],
  [
    "photo cdn with expiry and hash",
    "https://scontent.cdn.example/v/t39/123_456_n.jpg?_nc_cat=1&oh=00_AfAbc&oe=66F0ABCD",
  ],
  ["chat attachment", "https://cdn.chat.example/attachments/111/222/image0.png?ex=66f&is=66e&hm=abcdef0123456789"],
  [
    "image proxy with an address inside",
    "https://proxy.example/_next/image?url=https%3A%2F%2Fother.example%2Fa.jpg&w=640&q=75",
  ],
  ["image proxy, base64 address", `https://imgproxy.example/s/rs:fit:300/plain/${LONG.slice(0, 500)}.jpg`],
  ["name that looks like a picture's first bytes", "https://short.example/9j/4AAQSkZJRgABAQAAAQABAAD/view"],
  ["share with a key after the hash", "https://mega.example/file/AbCdEfGh#p1q2r3s4t5u6v7w8x9y0z1A2B3C4D5E6F7G8H9I0J1K"],
  ["route after the hash", "https://app.example/#/album/77?view=grid"],
  ["hash-bang route", "https://app.example/#!album/77"],
  ["text fragment", "https://blog.example/post#:~:text=some%20words"],
  ["tracking parameters", "https://forum.example/t/5?utm_source=mail&utm_medium=x&fbclid=abc&id=7"],
  ["repeated parameters", "https://gallery.example/view?tag=a&tag=b&id=7"],
  ["archive with an address inside", "https://archive.example/web/20261122120000/http://forum.example/t/1"],
  ["international host", "https://bücher.example/straße?q=größe"],
  ["international host, already encoded", "https://xn--bcher-kva.example/a"],
  ["host in another script", "https://пример.example/страница"],
  ["onion service", `http://${ONION}/board/b/res/1042.html`],
  ["onion service below a name", `http://img.${ONION}/src/1700000000000.webm`],
  ["address by number", "http://203.0.113.7:8081/gallery/"],
  ["address by number, version 6", "http://[2001:db8::7]/a"],
  ["second level registry", "https://www.images.forum.co.uk/a/b"],
  ["escaped unreserved characters", "https://forum.example/%7Euser/%61lbum%2f7"],
  ["picture inside the query", "https://viewer.example/?src=data:image/png;base64,iVBORw0KGgoAAAANSUhEUg"],
  [
    "bucket signature longer than an address may be",
    `https://bucket.store.example/a.jpg?X-Amz-Security-Token=${LONG.repeat(4)}&X-Amz-Signature=${HEX}`,
  ],
  ["spaces around", "  https://forum.example/t/1042\n"],
];
