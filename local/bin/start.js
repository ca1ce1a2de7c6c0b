// `npm start`: installs what is missing, then runs the whole product on this machine.
import { launch } from "../../client/bin/launch.js";

launch("local/main.ts", { watchParent: true });
