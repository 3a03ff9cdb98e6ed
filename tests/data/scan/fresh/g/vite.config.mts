import { defineConfig, type ProxyOptions } from 'vite'
const API_PORT = 8090
const target = `http://localhost:${API_PORT}`
const proxies: Record<string, ProxyOptions> = {
  '/v1': { target: 'http://localhost:8091', rewrite: (p) => p.replace(/^\/v1/, '') },
}
export default defineConfig({
  base: '/app/',
  server: { port: +(process.env.VITE_PORT || 5175), strictPort: true, open: '/?t=3000', proxy: proxies, cors: { maxAge: 7200 } },
  preview: { host: '127.0.0.1', port: 4175 },
  build: { target: ['es2022', 'chrome120'], terserOptions: { ecma: 2020 } },
  optimizeDeps: { exclude: ['lib@8080'] },
})
