import { defineConfig } from 'astro/config'
export default defineConfig({
  site: 'https://example.org:8443/docs',
  server: { port: 4322, host: true },
  vite: { server: { watch: { interval: 1000 } } },
})
