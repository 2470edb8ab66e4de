const assert = require('assert');
(async () => {
    const knex = require('knex')({client: 'pg', connection: {host: 'localhost', port: +process.argv[2], user: 'ha', password: 'ha'}});
    await knex.schema.createTable('authors', table => { table.increments(); table.string('name', 50).notNullable().unique(); table.timestamps(true, true); });
    await knex.schema.createTable('books', table => {
        table.increments(); table.integer('author_id').references('authors.id').onDelete('CASCADE'); table.string('title'); table.jsonb('extra'); table.boolean('read').defaultTo(false); table.decimal('price', 10, 2);
    });
    const [{id}] = await knex('authors').insert({name: 'ann'}).returning('id');
    await knex('books').insert([{author_id: id, title: 'one', extra: {a: [1]}, price: '9.90'}, {author_id: id, title: 'two', read: true}]);
    const rows = await knex('books').join('authors', 'authors.id', 'books.author_id').where('authors.name', 'ann').orderBy('title').select('title', 'extra', 'read', 'price');
    assert.deepStrictEqual(rows, [{title: 'one', extra: {a: [1]}, read: false, price: '9.90'}, {title: 'two', extra: null, read: true, price: null}]);
    await knex.transaction(async trx => { await trx('books').where({title: 'one'}).update({read: true}); });
    assert.strictEqual(await knex('books').where('read', true).count('* as n').first().then(one => +one.n), 2);
    await knex('authors').insert({name: 'ann'}).onConflict('name').merge();
    assert(await knex.schema.hasTable('books')); assert(await knex.schema.hasColumn('books', 'title'));
    assert.strictEqual((await knex('books').columnInfo()).title.type, 'character varying');
    await knex.schema.alterTable('books', table => { table.text('note'); table.index('title'); table.dropColumn('price'); });
    assert.strictEqual(await knex('authors').where({id}).del(), 1);
    assert.deepStrictEqual(await knex('books').select(), []);
    await knex.schema.dropTable('books'); await knex.schema.dropTable('authors');
    await knex.destroy(); console.log('done');
})().catch(error => { console.error(error); process.exit(1); });
