// Files of the repository that the program deploys, and those that it deploys by.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of a file of the repository, from the path that it has there. */
export function repositoryFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** A JSON file of the repository, whose "format" must be the one named. */
export function readJson(path: string, format: string): unknown {
  const json = JSON.parse(readFileSync(repositoryFile(path), "utf8")) as { format?: unknown };
  if (json.format !== format) {
    throw new Error(`${path} has the format ${JSON.stringify(json.format)}, this program reads ${format}`);
  }
  return json;
}
