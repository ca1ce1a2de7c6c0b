#!/usr/bin/env node
// The command `breakwater`: plain JavaScript for whatever Node a machine has; the work runs under the pinned one.
import { launch } from "./launch.js";

launch("client/cli/main.ts");
