// A decoder for tests: speaks YUV4MPEG2 on stdout as ffmpeg does, and does wrong what its first argument says.
import { fstatSync, writeSync } from "node:fs";

const [mode, report] = process.argv.slice(2);
const width = 64;
const height = 48;

/** Writes all of it, however slowly it is read. */
function say(bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") process.exit(0);
    }
  }
}

const header = (fields = "Cmono XCOLORRANGE=FULL", w = width, h = height) =>
  say(Buffer.from(`YUV4MPEG2 W${w} H${h} F1:1 Ip A1:1 ${fields}\n`));

/** Blocks of noise, another for each seed. */
function frame(seed, w = width, h = height) {
  const luma = Buffer.alloc(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const cell = (x >> 3) * 31 + (y >> 3) * 17 + seed * 7919;
      luma[y * w + x] = (Math.imul(cell, 2654435761) >>> 24) & 255;
    }
  }
  say(Buffer.from("FRAME\n"));
  say(luma);
}

const frames = (seeds) => {
  header();
  for (const seed of seeds) frame(seed);
};

const MODES = {
  three: () => frames([1, 2, 3]),
  repeated: () => frames([1, 1, 1, 2, 2, 1]),
  /** In pieces that end anywhere. */
  limited: () => {
    header("Cmono XCOLORRANGE=LIMITED");
    frame(1);
  },
  flat: () => {
    header();
    for (let i = 0; i < 3; i++) say(Buffer.concat([Buffer.from("FRAME\n"), Buffer.alloc(width * height, 90)]));
  },
  headerOnly: () => header(),
  nothing: () => {},
  failing: () => {
    frames([1]);
    process.stderr.write("/secret/name.mp4: Invalid data found\n");
    process.exitCode = 1;
  },
  noStream: () => {
    process.stderr.write("Stream map '0:v:0' matches no streams.\n");
    process.exitCode = 1;
  },
  tooManyPixels: () => {
    process.stderr.write("[IMGUTILS] Picture size 40000x40000 is invalid\n");
    process.exitCode = 1;
  },
  colour: () => header("C420jpeg"),
  other: () => say(Buffer.from("RIFF....\n")),
  endlessLine: () => say(Buffer.alloc(100_000, 65)),
  endlessComplaint: () => {
    for (let i = 0; i < 200; i++) process.stderr.write("x".repeat(10_000));
    frames([1]);
  },
  hugeFrame: () => header("Cmono", 100_000, 100_000),
  cut: () => {
    header();
    say(Buffer.from("FRAME\nabc"));
  },
  wrongFrame: () => {
    header();
    say(Buffer.from("FRANE\n"));
  },
  tiny: () => {
    header("Cmono", 4, 4);
    frame(1, 4, 4);
  },
  film: () => {
    header();
    for (let i = 0; ; i++) frame(i);
  },
  hanging: () => {
    frames([1]);
    process.stderr.write(`${process.pid}\n`);
    setInterval(() => {}, 1_000);
  },
};

if (report !== undefined && !report.startsWith("-")) {
  const { writeFileSync } = await import("node:fs");
  const stdin = fstatSync(0);
  const told = {
    pid: process.pid,
    argv: process.argv.slice(4),
    env: process.env,
    stdinBytes: stdin.isFile() ? stdin.size : null,
  };
  writeFileSync(report, JSON.stringify(told));
}
MODES[mode]();
