/** @type {import('next').NextConfig} */
const isDev = process.env.NODE_ENV !== 'production';
const apiHost = isDev ? 'http://localhost:8090' : 'https://api.example.com';
module.exports = {
  reactStrictMode: true,
  images: { domains: ['localhost', 'cdn.example.com'], imageSizes: [16, 32, 3000] },
  async headers() {
    return [{ source: '/(.*)', headers: [{ key: 'Content-Security-Policy', value: "connect-src 'self' ws://localhost:3002 https://x.example.com" },
      { key: 'Strict-Transport-Security', value: 'max-age=63072; includeSubDomains' }] }];
  },
  async redirects() {
    return [{ source: '/docs', destination: 'http://docs.internal:8092/', permanent: false }];
  },
  experimental: { serverActions: { bodySizeLimit: 5000, allowedOrigins: ['localhost:3002'] } },
};
