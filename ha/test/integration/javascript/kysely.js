const assert = require('assert');
const {Kysely, PostgresDialect, sql} = require('kysely');
const {Pool} = require('pg');
(async () => {
    const db = new Kysely({dialect: new PostgresDialect({pool: new Pool({host: 'localhost', port: +process.argv[2], user: 'ha', password: 'ha'})})});
    await db.schema.createTable('people').addColumn('id', 'serial', col => col.primaryKey()).addColumn('name', 'varchar(50)', col => col.notNull().unique()).addColumn('born', 'timestamptz').addColumn('extra', 'jsonb').execute();
    const {id} = await db.insertInto('people').values({name: 'ann', born: new Date(0), extra: JSON.stringify({a: 1})}).returning('id').executeTakeFirstOrThrow();
    assert.deepStrictEqual(await db.selectFrom('people').select(['name', 'born', 'extra']).where('id', '=', id).execute(), [{name: 'ann', born: new Date(0), extra: {a: 1}}]);
    await db.transaction().setIsolationLevel('serializable').execute(async trx => { await trx.updateTable('people').set({name: 'bob'}).where('id', '=', id).execute(); });
    await db.insertInto('people').values({name: 'bob'}).onConflict(oc => oc.column('name').doUpdateSet({name: 'bobby'})).execute();
    const tables = await db.introspection.getTables();
    assert.deepStrictEqual(tables.find(one => one.name === 'people').columns.map(one => [one.name, one.dataType, one.isAutoIncrementing]), [['id', 'int4', true], ['name', 'varchar', false], ['born', 'timestamptz', false], ['extra', 'jsonb', false]]);
    await db.schema.alterTable('people').addColumn('note', 'text', col => col.defaultTo('x')).execute();
    await db.schema.createIndex('people_note').on('people').column('note').execute();
    assert.strictEqual((await db.deleteFrom('people').executeTakeFirst()).numDeletedRows, 1n);
    await db.schema.dropTable('people').execute(); await db.destroy(); console.log('done');
})().catch(error => { console.error(error); process.exit(1); });
