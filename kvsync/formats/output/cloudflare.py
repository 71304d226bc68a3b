"""The bulk file of Cloudflare's wrangler: a JSON array, with an object for each pair."""

from kvsync.formats.output.jsonl import JsonLines


class Cloudflare(JsonLines):
    """The array of the objects that JSON Lines have (`kvsync.formats.output.records.Codec`).

    The comma stands in front of an object: nothing that was written changes when one more comes.
    """

    head = b"[\n"
    between = b","
    foot = b"]\n"
