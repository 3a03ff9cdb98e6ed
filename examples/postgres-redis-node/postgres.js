'use strict';
// As much of PostgreSQL's protocol (version 3) as the example needs: trust authentication and the
// simple query, whose values all arrive as text.
const net = require('node:net');

function message(kind, body) {
	const head = Buffer.alloc(kind ? 5 : 4);
	if (kind)
		head.write(kind);
	head.writeInt32BE(body.length + 4, head.length - 4);
	return Buffer.concat([head, body]);
}

function text(...words) {
	return Buffer.from(words.map(word => word + '\0').join(''));
}

class Postgres {
	constructor(url) {
		this.url = url;
		this.queue = [];
	}

	quote(value) {
		return `'${value.replaceAll("'", "''").replaceAll('\0', '')}'`;
	}

	query(sql) {
		return new Promise((resolve, reject) => {
			this.queue.push({sql, resolve, reject, columns: [], rows: []});
			if (!this.socket)
				this.connect();
			else if (this.idle)
				this.next();
		});
	}

	connect() {
		const {hostname, port, username, pathname} = this.url;
		this.received = Buffer.alloc(0);
		this.idle = false;
		this.socket = net.connect(Number(port), hostname);
		const version = Buffer.alloc(4);
		version.writeInt32BE(3 << 16);
		this.socket.write(message('', Buffer.concat([version,
			text('user', username, 'database', pathname.slice(1)), Buffer.alloc(1)])));
		this.socket.on('data', data => this.read(data));
		this.socket.on('error', error => this.fail(error));
		this.socket.on('close', () => this.fail(new Error('PostgreSQL closed the connection')));
	}

	fail(error) {
		this.socket = undefined;
		for (const {reject} of this.queue.splice(0))
			reject(error);
	}

	next() {
		this.idle = this.queue.length === 0;
		if (!this.idle)
			this.socket.write(message('Q', text(this.queue[0].sql)));
	}

	read(data) {
		this.received = Buffer.concat([this.received, data]);
		while (this.received.length >= 5) {
			const size = this.received.readInt32BE(1) + 1;
			if (this.received.length < size)
				return;
			this.take(String.fromCharCode(this.received[0]), this.received.subarray(5, size));
			this.received = this.received.subarray(size);
		}
	}

	take(kind, body) {
		const current = this.queue[0];
		if (kind === 'T')
			current.columns = columns(body);
		else if (kind === 'D')
			current.rows.push(row(body, current.columns));
		else if (kind === 'E')
			this.error = new Error(body.toString().split('\0').find(part => part[0] === 'M').slice(1));
		else if (kind === 'Z')
			this.finish();
	}

	// ReadyForQuery comes once after the start of the connection, and after every query.
	finish() {
		if (this.started === this.socket && this.queue.length > 0) {
			const {resolve, reject, rows} = this.queue.shift();
			this.error ? reject(this.error) : resolve(rows);
		}
		this.started = this.socket;
		this.error = undefined;
		this.next();
	}
}

function columns(body) {
	const names = [];
	for (let at = 2; names.length < body.readInt16BE(0);) {
		const end = body.indexOf(0, at);
		names.push(body.toString('utf8', at, end));
		at = end + 19;
	}
	return names;
}

function row(body, names) {
	const values = {};
	let at = 2;
	for (const name of names) {
		const length = body.readInt32BE(at);
		at += 4;
		values[name] = length < 0 ? null : body.toString('utf8', at, at + length);
		at += Math.max(length, 0);
	}
	return values;
}

module.exports = {Postgres};
