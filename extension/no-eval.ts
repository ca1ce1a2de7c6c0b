// Imported first by every entry: zod would otherwise try to compile its schemas, which our content policy reports.
import { z } from "zod";

z.config({ jitless: true });
