*import { defineConfig, loadEnv } from 'vite';
import react from '@vitejs/plugin-react';
const PORT = Number(process.env.PORT ?? 5180);
const backend = process.env.BACKEND || 'http://localhost:8000';
export default defineConfig(({ mode }) => {
  const env = loadEnv(mode, process.cwd(), '');
  return {
    plugins: [react()],
    server: {
      port: parseInt(env.VITE_PORT || '5173', 10),
      host: true,
      watch: { usePolling: true, interval: 1000 },
      proxy: {
        '/api': backend,
        '^/socket.io/.*': { target: `ws://localhost:8001`, ws: true, timeout: 60000 },
        '/auth': { target: { host: 'auth.local', port: 8002 } },
      },
    },
    build: { rollupOptions: { output: { manualChunks: { vendor: ['react@18', 'x:3000'] } } }, sourcemap: mode !== 'production' },
    test: { testTimeout: 10000, pool: 'forks', retry: 3 },
    esbuild: { target: 'es2022' }, // old port: 3003
    css: { devSourcemap: true, preprocessorOptions: { scss: { additionalData: `$w: 1280px;` } } },
  };
});
