// The id of a test in whatever was pasted: the id, a link to its page, a receipt.

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** The id in lower case; undefined where the text holds none. */
export function testIdIn(text: string): string | undefined {
  return (idOfReceipt(text) ?? UUID.exec(text)?.[0])?.toLowerCase();
}

/** A receipt may hold other ids one day: `test_id` is the one that is meant. */
function idOfReceipt(text: string): string | undefined {
  try {
    const document: unknown = JSON.parse(text);
    const id = memberOf(document, 'test_id') ?? memberOf(memberOf(document, 'receipt'), 'test_id');
    return typeof id === 'string' ? UUID.exec(id)?.[0] : undefined;
  } catch {
    return undefined;
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}
