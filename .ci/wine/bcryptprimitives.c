/* What Go needs of Windows' bcryptprimitives.dll, which Wine 8 does not have. */
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) { return RtlGenRandom(buffer, length); }
