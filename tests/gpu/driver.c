/*
 * The entries of the CUDA driver that TornadoVM's PTX backend calls, with no card behind them: memory is the host's, kernels are not
 * run, and every module that is loaded is written to a file in $PTX_OUT. Only tests/gpu/ptx uses it, to see the code that is generated.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *handle;
typedef unsigned long long address;

static char nothing;
static int modules;

static int give(handle *to) {
    *to = &nothing;
    return 0;
}

int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int index) { *device = 0; return 0; }
int cuDeviceGetName(char *name, int size, int device) { snprintf(name, size, "no card"); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 16ull << 30; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    switch (attribute) {
        case 1: case 2: case 3: *value = 1024; break;   /* work items a group, and along each axis */
        case 4: *value = 64; break;
        case 5: *value = 2147483647; break;             /* groups along each axis */
        case 6: case 7: *value = 65535; break;
        case 8: *value = 49152; break;                  /* shared memory */
        case 10: *value = 32; break;                    /* warp */
        case 13: *value = 1700000; break;               /* kHz */
        case 16: *value = 132; break;                   /* processors */
        case 75: *value = 9; break;                     /* compute capability 9.0 */
        case 76: *value = 0; break;
        default: *value = 65536; break;
    }
    return 0;
}
int cuCtxCreate_v2(handle *context, unsigned flags, int device) { return give(context); }
int cuCtxCreate_v4(handle *context, void *parameters, unsigned flags, int device) { return give(context); }
int cuCtxDestroy_v2(handle context) { return 0; }
int cuCtxSetCurrent(handle context) { return 0; }
int cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = *greatest = 0; return 0; }
int cuEventCreate(handle *event, unsigned flags) { return give(event); }
int cuEventDestroy_v2(handle event) { return 0; }
int cuEventElapsedTime(float *ms, handle from, handle to) { *ms = 1; return 0; }
int cuEventElapsedTime_v2(float *ms, handle from, handle to) { *ms = 1; return 0; }
int cuEventQuery(handle event) { return 0; }
int cuEventRecord(handle event, handle stream) { return 0; }
int cuEventSynchronize(handle event) { return 0; }
int cuGraphDestroy(handle graph) { return 0; }
int cuGraphExecDestroy(handle graph) { return 0; }
int cuGraphInstantiateWithFlags(handle *to, handle graph, unsigned long long flags) { return give(to); }
int cuGraphLaunch(handle graph, handle stream) { return 0; }
int cuLaunchKernel(handle f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, handle stream, void **p, void **x) { return 0; }
int cuMemAlloc_v2(address *at, size_t bytes) { *at = (address) (size_t) calloc(1, bytes); return *at == 0 ? 2 : 0; }
int cuMemFree_v2(address at) { free((void *) (size_t) at); return 0; }
int cuMemAllocHost_v2(void **at, size_t bytes) { *at = calloc(1, bytes); return *at == 0 ? 2 : 0; }
int cuMemFreeHost(void *at) { free(at); return 0; }
int cuMemGetInfo_v2(size_t *left, size_t *all) { *left = *all = 16ull << 30; return 0; }
int cuMemHostRegister_v2(void *at, size_t bytes, unsigned flags) { return 0; }
int cuMemHostUnregister(void *at) { return 0; }
int cuMemcpyDtoHAsync_v2(void *to, address from, size_t bytes, handle stream) { memcpy(to, (void *) (size_t) from, bytes); return 0; }
int cuMemcpyHtoDAsync_v2(address to, const void *from, size_t bytes, handle stream) { memcpy((void *) (size_t) to, from, bytes); return 0; }
int cuModuleLoadData(handle *module, const void *image) {
    char path[4096];
    const char *folder = getenv("PTX_OUT");
    FILE *file;
    snprintf(path, sizeof path, "%s/%04d.ptx", folder == NULL ? "." : folder, modules++);
    file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    fputs(image, file);
    fclose(file);
    return give(module);
}
int cuModuleLoadDataEx(handle *module, const void *image, unsigned n, int *options, void **values) { return cuModuleLoadData(module, image); }
int cuModuleGetFunction(handle *function, handle module, const char *name) { return give(function); }
int cuModuleUnload(handle module) { return 0; }
int cuOccupancyMaxPotentialBlockSize(int *grid, int *block, handle f, void *shared, size_t bytes, int limit) { *grid = 132; *block = 256; return 0; }
int cuStreamBeginCapture_v2(handle stream, int mode) { return 0; }
int cuStreamEndCapture(handle stream, handle *graph) { return give(graph); }
int cuStreamIsCapturing(handle stream, int *status) { *status = 0; return 0; }
int cuStreamCreateWithPriority(handle *stream, unsigned flags, int priority) { return give(stream); }
int cuStreamDestroy_v2(handle stream) { return 0; }
int cuStreamSynchronize(handle stream) { return 0; }
int cuStreamWaitEvent(handle stream, handle event, unsigned flags) { return 0; }
int cuGetErrorName(int error, const char **name) { *name = "error"; return 0; }
int cuGetErrorString(int error, const char **text) { *text = "error"; return 0; }

/* Power readings: there are none. */
int nvmlInit_v2(void) { return 1; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, handle *device) { return 1; }
int nvmlDeviceGetPowerUsage(handle device, unsigned *milliwatts) { return 1; }
