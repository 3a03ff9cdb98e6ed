import { defineConfig } from 'vite'
// served at 5199 once
export default defineConfig({
  server: {
    host: '0.0.0.0',
    port: 5173,
    strictPort: true,
    hmr: { port: 24678, clientPort: 443, timeout: 30000 },
    origin: "http://localhost:5173",
    proxy: {
      '/api': { target: 'http://localhost:8000', changeOrigin: true },
      '/ws': 'ws://127.0.0.1:8001',
    },
  },
  preview: { port: Number(process.env.PREVIEW_PORT) || 4173 },
  build: { chunkSizeWarningLimit: 1600, target: 'es2020', assetsInlineLimit: 4096 },
  define: { __BUILD__: '20241108', VERSION: JSON.stringify('8080') },
})
