'use strict';
// GET / lists the notes (PostgreSQL) and counts the visits (Redis), POST / writes one,
// GET /healthz asks both. The addresses come from stackup: PORT, DATABASE_URL, REDIS_URL.
const http = require('node:http');
const {Postgres} = require('./postgres');
const {Redis} = require('./redis');

const database = new Postgres(new URL(process.env.DATABASE_URL));
const redis = new Redis(new URL(process.env.REDIS_URL));

async function body(request) {
	let text = '';
	for await (const chunk of request)
		text += chunk;
	return text;
}

async function answer(request) {
	if (request.url === '/healthz') {
		await Promise.all([database.query('SELECT 1'), redis.send('PING')]);
		return [200, {ok: true}];
	}
	if (request.url !== '/')
		return [404, {error: 'no such page'}];
	if (request.method === 'POST') {
		const text = await body(request);
		const [note] = await database.query(
			`INSERT INTO notes (body) VALUES (${database.quote(text)}) RETURNING id, body`);
		return [201, note];
	}
	return [200, {
		instance: Number(process.env.STACKUP_INSTANCE),
		visits: await redis.send('INCR', 'visits'),
		notes: await database.query('SELECT id, body FROM notes ORDER BY id'),
	}];
}

http.createServer(async (request, response) => {
	let status, value;
	try {
		[status, value] = await answer(request);
	} catch (error) {
		[status, value] = [503, {error: error.message}];
	}
	response.writeHead(status, {'Content-Type': 'application/json'});
	response.end(JSON.stringify(value) + '\n');
}).listen(Number(process.env.PORT), 'localhost', () => console.log(`api: listening on port ${process.env.PORT}`));

process.on('SIGTERM', () => process.exit(0));
