/** The server's HTTP API. Every failure becomes an ApiError that a person can read. */

/** What went wrong: no way to the server, or the server's own words (RFC 9457). */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
    this.name = "ApiError";
  }
}

/** The place of `path` (no leading slash) beside the page, wherever a proxy has put it. */
export function url(path: string, query: Record<string, string> = {}): string {
  const at = new URL(path, document.baseURI);
  for (const [key, value] of Object.entries(query)) at.searchParams.set(key, value);
  return at.href;
}

/** Reads a problem document, or makes one of a bare status. */
export async function problem(response: Response): Promise<ApiError> {
  const fallback = response.statusText || `HTTP ${response.status}`;
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null) {
      const { title, detail } = body as { title?: unknown; detail?: unknown };
      return new ApiError(
        response.status,
        typeof title === "string" ? title : fallback,
        typeof detail === "string" ? detail : "",
      );
    }
  } catch {
    // not JSON: the status has to do
  }
  return new ApiError(response.status, fallback, "");
}

/** GET, as JSON. Throws ApiError, or the AbortError of `signal`. */
export async function get<T>(path: string, query: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url(path, query), { headers: { accept: "application/json" }, signal: signal ?? null });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "", "");
  }
  if (!response.ok) throw await problem(response);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(response.status, "", "");
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
