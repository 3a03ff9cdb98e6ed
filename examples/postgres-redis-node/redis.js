'use strict';
// As much of Redis's protocol (RESP2) as the example needs: one connection, replies in order.
const net = require('node:net');

class Redis {
	constructor(url) {
		this.url = url;
		this.waiting = [];
		this.received = '';
	}

	connect() {
		this.socket = net.connect(Number(this.url.port), this.url.hostname);
		this.socket.setEncoding('utf8');
		this.socket.on('data', data => this.read(data));
		this.socket.on('error', error => this.fail(error));
		this.socket.on('close', () => this.fail(new Error('Redis closed the connection')));
	}

	fail(error) {
		this.socket = undefined;
		this.received = '';
		for (const {reject} of this.waiting.splice(0))
			reject(error);
	}

	send(...words) {
		if (!this.socket)
			this.connect();
		return new Promise((resolve, reject) => {
			this.waiting.push({resolve, reject});
			this.socket.write(`*${words.length}\r\n` +
				words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join(''));
		});
	}

	// Simple strings, errors and integers: one line each.
	read(data) {
		this.received += data;
		for (let end; (end = this.received.indexOf('\r\n')) >= 0;) {
			const kind = this.received[0], text = this.received.slice(1, end);
			this.received = this.received.slice(end + 2);
			const {resolve, reject} = this.waiting.shift();
			if (kind === '-')
				reject(new Error(text));
			else
				resolve(kind === ':' ? Number(text) : text);
		}
	}
}

module.exports = {Redis};
