*module.exports = {
  apps: [
    { name: 'api', script: 'dist/main.js', instances: 2, max_memory_restart: '500M', kill_timeout: 3000,
      env: { NODE_ENV: 'production', PORT: 3600, REDIS_URL: 'redis://127.0.0.1:6379' },
      env_staging: { PORT: '3601' } },
    { name: 'web', script: 'serve', args: '-l 3602 -s build', node_args: '--max-old-space-size=2048' },
  ],
};
