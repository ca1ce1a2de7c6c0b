// The side panel (Chromium) or sidebar (Firefox).
import { mount } from "../../ui/mount.tsx";

void mount({ standaloneOptions: false });
