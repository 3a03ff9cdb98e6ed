export default defineNuxtConfig({
  compatibilityDate: '2024-11-01',
  devServer: { host: '0.0.0.0', port: 3010 },
  nitro: { devProxy: { '/api': { target: 'http://localhost:8088', ws: true } } },
  routeRules: { '/old/**': { proxy: 'http://legacy:8090/**', cache: { maxAge: 3600 } } },
  runtimeConfig: { apiPort: process.env.API_PORT || '8088' },
})
