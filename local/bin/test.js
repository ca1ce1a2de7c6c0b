// `npm test`: installs what is missing, then runs every check and every test.
import { launch } from "../../client/bin/launch.js";

launch("local/test.ts", { watchParent: true });
