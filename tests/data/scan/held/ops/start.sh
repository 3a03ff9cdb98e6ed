#!/bin/sh
# runs on 9999 normally
set -eu
PORT=${PORT:-4000}
export API_URL="http://localhost:${API_PORT:-4001}"
: "${REDIS_PORT:=6379}"
TIMEOUT=3000
python3 -m http.server 8899 &
uvicorn app:app --host 0.0.0.0 --port 4002 --limit-max-requests 10000 &
ssh -N -L 15432:db.internal:5432 -p 2222 deploy@bastion
psql -h 10.9.8.7 -p 5433 -c 'select 8080'
redis-server --port 6380 --maxmemory 256000000
if [ "$count" -gt 5000 ]; then sleep 3600; fi
kill -9 4242
echo "server is ready" && exit 0
docker run -d --publish 127.0.0.1:9200:9200 --user 1000:1000 -m 2048m search:8
date -d 2024-10-10 +%s
