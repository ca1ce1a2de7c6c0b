/** Path parameters that several routes of the slice share. */
import { z } from "zod";

/** A case's number within the caller's hotline. */
export const CaseParams = z.strictObject({
  n: z.coerce
    .number()
    .int()
    .positive()
    .max(2 ** 31 - 1),
});
