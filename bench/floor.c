/* The floor of packet forwarding: what no server that gives each packet its own
   encryption and its own system call can go below.

   For each packet: copy it, srtp_protect with AES-128-GCM, one sendto to loopback,
   for the viewers in turn. Nothing reads what is sent. Prints CPU microseconds per
   packet, user and system, one line for each pass.

   cc -O2 -o floor floor.c -lsrtp2
   ./floor BYTES PACKETS PASSES            in one go, for 100 viewers
   ./floor BYTES PACKETS PASSES VIEWERS    a frame of 6 packets to each viewer, then a
                                           pause, 30 times a second, as video comes */
#include <arpa/inet.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { KEY_BYTES = 28, MAX_BYTES = 1400, MAX_VIEWERS = 1000 };
enum { FRAME_PACKETS = 6, FRAME_NS = 1000000000 / 30 };

static unsigned char source[2048], packet[2048];
static srtp_t sessions[MAX_VIEWERS];
static int bytes, out, paced, viewers = 100;
static struct sockaddr_in to = {.sin_family = AF_INET};
static struct timespec due;

static void fail(const char *what) {
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static srtp_t make_session(void) {
    static unsigned char keys[MAX_VIEWERS][KEY_BYTES];
    static int made;
    unsigned char *key = keys[made++];
    srtp_policy_t policy;
    srtp_t session;

    for (int i = 0; i < KEY_BYTES; i++)
        key[i] = (unsigned char)rand();
    memset(&policy, 0, sizeof policy);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    policy.ssrc.type = ssrc_any_outbound;
    policy.key = key;
    policy.window_size = 1024;
    policy.allow_repeat_tx = 1;
    if (srtp_create(&session, &policy))
        fail("srtp_create");
    return session;
}

static void forward(int viewer, unsigned seqno) {
    int length = bytes;
    memcpy(packet, source, bytes);
    packet[2] = (unsigned char)(seqno >> 8);
    packet[3] = (unsigned char)seqno;
    if (srtp_protect(sessions[viewer], packet, &length))
        fail("srtp_protect");
    sendto(out, packet, length, 0, (struct sockaddr *)&to, sizeof to);
}

static void wait_for_frame(void) {
    if (!paced)
        return;
    due.tv_nsec += FRAME_NS;
    if (due.tv_nsec >= 1000000000) {
        due.tv_nsec -= 1000000000;
        due.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static void open_sockets(void) {
    socklen_t length = sizeof to;
    int small = 4096, sink = socket(AF_INET, SOCK_DGRAM, 0);
    out = socket(AF_INET, SOCK_DGRAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(sink, (struct sockaddr *)&to, length))
        fail("bind");
    getsockname(sink, (struct sockaddr *)&to, &length);
    setsockopt(sink, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
}

int main(int count, char **words) {
    bytes = count > 1 ? atoi(words[1]) : 1160;
    int packets = count > 2 ? atoi(words[2]) : 100000;
    int passes = count > 3 ? atoi(words[3]) : 3;
    unsigned seqno = 0;

    paced = count > 4;
    if (paced)
        viewers = atoi(words[4]);
    if (bytes < 64 || bytes > MAX_BYTES || viewers < 1 || viewers > MAX_VIEWERS)
        fail("arguments");
    int frames = packets / (FRAME_PACKETS * viewers) + 1;
    srtp_init();
    for (int i = 0; i < viewers; i++)
        sessions[i] = make_session();
    open_sockets();
    for (int i = 0; i < bytes; i++)
        source[i] = (unsigned char)rand();
    memcpy(source, "\x80\x60\0\0\0\0\0\0\0\0\0\x07", 12); /* version 2, PT 96, SSRC 7 */
    clock_gettime(CLOCK_MONOTONIC, &due);

    for (int pass = 0; pass <= passes; pass++) { /* pass 0 warms up */
        double before = cpu_seconds();
        for (int frame = 0; frame < frames; frame++, seqno += FRAME_PACKETS) {
            for (int viewer = 0; viewer < viewers; viewer++)
                for (int i = 0; i < FRAME_PACKETS; i++)
                    forward(viewer, seqno + i);
            wait_for_frame();
        }
        if (pass)
            printf("%.3f\n", (cpu_seconds() - before) * 1e6 / frames / viewers /
                                 FRAME_PACKETS);
    }
    return 0;
}
