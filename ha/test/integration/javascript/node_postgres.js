const {Client, Pool} = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');
const {from, to} = require('pg-copy-streams');
const {pipeline} = require('stream/promises');
const {Readable} = require('stream');
const assert = require('assert');
const where = {host: 'localhost', port: +process.argv[2], user: 'ha', password: 'ha'};
(async () => {
    const client = new Client(where);
    await client.connect();
    await client.query('CREATE TABLE t (id serial primary key, j jsonb, tz timestamptz, w int4[], b bytea)');
    const given = [{k: [1]}, new Date('2026-01-01T00:00:00Z'), [1, 2], Buffer.from([0, 255])];
    const {rows: [row]} = await client.query('INSERT INTO t (j, tz, w, b) VALUES ($1, $2, $3, $4) RETURNING *', given);
    assert.deepStrictEqual([row.j, row.tz, row.w, row.b], given);
    await assert.rejects(client.query('INSERT INTO t (id) VALUES (1)'), {code: '23505', constraint: 't_pkey'});
    await client.query({name: 'q', text: 'SELECT id FROM t WHERE id = $1', values: [1]});
    assert.strictEqual((await client.query({name: 'q', text: 'SELECT id FROM t WHERE id = $1', values: [1]})).rowCount, 1);
    // cursors and streams
    const cursor = client.query(new Cursor('SELECT n FROM generate_series(1, $1::int4) AS n', [25]));
    assert.deepStrictEqual((await cursor.read(10)).map(one => one.n).at(-1), 10);
    assert.strictEqual((await cursor.read(100)).length, 15);
    await cursor.close();
    let sum = 0;
    for await (const {n} of client.query(new QueryStream('SELECT n FROM generate_series(1, 1000) AS n', [], {batchSize: 100}))) sum += n;
    assert.strictEqual(sum, 500500);
    // COPY
    await client.query('CREATE TABLE c (a int4, b text)');
    await pipeline(Readable.from(['1\tx\n2', '\t\\N\n']), client.query(from('COPY c FROM STDIN')));
    let copied = '';
    for await (const piece of client.query(to('COPY c TO STDOUT WITH (FORMAT csv)'))) copied += piece;
    assert.strictEqual(copied, '1,x\n2,\n');
    // notifications
    const heard = new Promise(resolve => client.once('notification', resolve));
    await client.query('LISTEN news');
    const pool = new Pool({...where, max: 2});
    await pool.query("SELECT pg_notify('news', 'extra')");
    assert.strictEqual((await heard).payload, 'extra');
    // a pool, cancelling, and a connection that is ended by another
    const slow = pool.query('SELECT pg_sleep(30)');
    const {rows: [{pid}]} = await pool.query("SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'");
    await pool.query('SELECT pg_cancel_backend($1)', [pid]);
    await assert.rejects(slow, {code: '57014'});
    await pool.end();
    const other = new Client(where);
    await other.connect();
    const ended = new Promise(resolve => other.on('error', resolve));
    await client.query('SELECT pg_terminate_backend($1)', [other.processID]);
    assert.strictEqual((await ended).code, '57P01');
    // transactions
    await client.query('BEGIN');
    await assert.rejects(client.query('SELECT 1 FROM nowhere'), {code: '42P01'});
    await assert.rejects(client.query('SELECT 1'), {code: '25P02'});
    await client.query('ROLLBACK');
    await client.end();
    // INTEGER columns as numbers, where the client asks for it
    const narrow = new Client({...where, options: '-c ha.integer_oid=int4'});
    await narrow.connect();
    assert.deepStrictEqual((await narrow.query('SELECT id FROM t WHERE id = $1', [1])).rows, [{id: 1}]);
    await narrow.end();
    console.log('done');
})().catch(error => { console.error(error); process.exit(1); });
