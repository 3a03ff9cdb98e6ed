#!/bin/bash
export FLASK_RUN_PORT=5055
readonly API_PORT="${1:-8000}"
PORTS=(8000 8001)
REDIS_ADDR=${REDIS_ADDR:-127.0.0.1:6379}
function up() {
  uvicorn main:app --reload --port "${API_PORT}" --timeout-keep-alive 3000
  hypercorn -b 127.0.0.1:8055 main:app
  caddy reverse-proxy --from :2080 --to :8055
  ngrok http --domain=x.ngrok.app 8055
  cloudflared tunnel --url http://localhost:8055
}
tmux new-session -d -s app -x 200 -y 3000
iptables -A INPUT -p tcp --dport 8055 -j ACCEPT
ufw allow 8055/tcp
curl -H "Host: x" --connect-timeout 3000 --resolve x:443:127.0.0.1 https://x/
until pg_isready -h localhost -p 5499 -t 3000; do sleep 5; done
for i in {1..3000}; do echo "$i: 8080"; done
awk 'NR>3000 {print $8080}' f | head -n 4000
date +%Y-%m-%dT12:30:45; stat -c %a x; dd if=/dev/zero bs=1024 count=4096 of=x
