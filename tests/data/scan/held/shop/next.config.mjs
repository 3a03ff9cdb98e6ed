const api = process.env.API_URL ?? 'http://localhost:8001'
/** @type {import('next').NextConfig} */
export default {
  images: { remotePatterns: [{ protocol: 'http', hostname: 'localhost', port: '9000' }],
            deviceSizes: [640, 1080, 3840], minimumCacheTTL: 3600 },
  async rewrites() {
    return [{ source: '/api/:path*', destination: `http://127.0.0.1:8000/:path*` }]
  },
  env: { PORT_HINT: 'none', SOCKET: 'http://realtime:4000' },
  staticPageGenerationTimeout: 1000,
}
