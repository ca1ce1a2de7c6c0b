/** For drafting a migration from the tables: `drizzle-kit generate`. What lands in migrations/ is reviewed and named by hand. */
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: "./*/tables.ts",
  // A draft folder: the numbered files of migrations/ are the truth, and a test holds the tables to them.
  out: "./.drizzle",
});
