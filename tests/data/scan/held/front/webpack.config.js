module.exports = {
  output: { publicPath: 'http://localhost:8082/', chunkLoadTimeout: 120000 },
  devServer: {
    port: process.env.PORT || 8082,
    host: 'localhost',
    client: { webSocketURL: { port: 8082, pathname: '/ws' } },
    proxy: [{ context: ['/api'], target: 'http://localhost:8000' }],
  },
  performance: { maxAssetSize: 500000, maxEntrypointSize: 8080 },
}
