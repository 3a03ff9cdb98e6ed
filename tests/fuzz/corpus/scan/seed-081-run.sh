*#!/usr/bin/env bash
set -euo pipefail
HOST="${HOST:-0.0.0.0}"
BACKEND_PORT=8000
: ${FRONTEND_PORT:=3000}
MAX=5000; for i in $(seq 1 3000); do :; done
wait-for-it.sh db:5432 --timeout=3000 -- echo up
./wait-for.sh localhost:8000 -t 60
curl -X POST "http://localhost:${BACKEND_PORT}/reset" --max-time 1000
curl --proxy 10.0.0.8:3128 https://example.com
nohup java -Dserver.port=8089 -Xmx2048m -jar app.jar > app-8080.log 2>&1 &
flask run --host=0.0.0.0 -p 5001
npx -y serve@14.2.0 -l 4000 &
mysql -h10.0.0.5 -P3307 -uroot -psecret8080 -e "select 1000"
redis-cli -p 6380 config set maxmemory 1000000
ssh -p 2222 -o ConnectTimeout=3000 -L 9000:localhost:9001 user@192.0.2.8
mkdir -p 8080 && chmod 755 x && chown 1000:1000 y && touch -t 202401011200 z
if [[ $PORT -ge 3000 ]]; then kill -USR1 8123; fi
test "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8000)" = 200
python manage.py runserver 8001
echo "Listening on http://localhost:3000"
gunicorn -w 4 -b 0.0.0.0:8002 app:app
socat TCP-LISTEN:9999,fork TCP:10.0.0.6:9998
timeout 3000 lsof -i :8080 -sTCP:LISTEN
