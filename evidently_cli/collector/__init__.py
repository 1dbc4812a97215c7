"""
The collector: a small HTTP server that stores records in SQLite, each once.

It is what the demo, the tests and the benchmarks send to, and enough for a team of its own. It needs nothing but the
standard library, and shares no code with the tool: the two sides meet in what goes over the wire.

```
server    HTTP: which requests are taken, what each refusal is called
body      bytes and content type → members, or the status that refuses them
store     members → rows, one commit per request; a record whose id is there already is a duplicate
```

An answer of 200 means that SQLite has synced the commit to the disk.
"""
