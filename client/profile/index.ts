/** A profile: who this installation is, its keys, its pins, its modes. */

export { createSigningKeyFile, type KeyFile, listSigningKeys, openKeyFile } from "./key-files.ts";
export { type LogPin, logPinOf, obtainLogPin, readLogPin, writeLogPin } from "./log-pins.ts";
export { type Pin, type Pins, readPins, writePin } from "./pins.ts";
export { findProfile, openProfile, type Profile, profileDir, writeProfile } from "./profile.ts";
