// The program that a created container waits in: see stub.py for what it is for and its protocol.
// It is a whole ELF file, headers included; `as` and `objcopy -O binary` turn it into the bytes in stub.py.
//
//   argv: "runf-init" GATE OUTCOME PATH ARG0 [ARG1 ...]        x19 &argv[0]   x20 envp   x23 DATA   x24 the call
//         0           8    16      24   32                     w21 gate fd, then the status to exit with
//                                                              w22 outcome fd  (-1: none)
//   DATA: failure, told, scratch, program, calls (calls.py)
//         0        8     16       24       32
//   call: number, six arguments, indirect, at least, at most, keep at, more, instead, other, next, words, their length
//         0       8              56        64        72       80       88    96       104    112   120    128

        .set    BASE, 0x400000                  // where the image is mapped: ET_EXEC, so addresses are known
        .set    DATA, 0x500000 + end - image    // where what follows the image is mapped
        .set    FCNTL, 25
        .set    READ, 63
        .set    WRITE, 64
        .set    EXIT_GROUP, 94
        .set    RT_SIGACTION, 134
        .set    PRCTL, 167
        .set    EXECVE, 221
        .set    F_SETFD, 2
        .set    FD_CLOEXEC, 1
        .set    PR_SET_NAME, 15
        .set    SIGTERM, 15
        .set    SIGSET_SIZE, 8
        .set    EINTR, 4
        .set    ENOENT, 2
        .set    EIO, 5

        .text
image:  .byte   0x7f, 'E', 'L', 'F', 2, 1, 1, 0 // Elf64_Ehdr: 64 bits, little endian, version 1
        .quad   0
        .short  2, 183                          // ET_EXEC, EM_AARCH64
        .long   1
        .quad   start - image + BASE
        .quad   headers - image
        .quad   0                               // no sections
        .long   0
        .short  64, 56, 3, 0, 0, 0              // three program headers

headers: .long  1, 5                            // PT_LOAD, PF_R | PF_X: one page that nothing can write
        .quad   0, BASE, BASE, end - image, end - image, 0x10000
        .long   1, 6                            // PT_LOAD, PF_R | PF_W: what follows; both sizes are filled in later
        .quad   end - image, DATA, DATA, 0, 0, 0x10000
        .long   0x6474e551, 6                   // PT_GNU_STACK, PF_R | PF_W: a stack that can't be executed
        .quad   0, 0, 0, 0, 0, 16

action: .quad   ended - image + BASE            // struct kernel_sigaction: handler, flags, restorer, mask
        .quad   0, 0, 0

start:  ldr     x0, [sp]                        // argc
        add     x19, sp, 8
        add     x20, x19, x0, lsl 3
        add     x20, x20, 8
        cmp     x0, 5
        b.lo    refuse

        mov     x0, PR_SET_NAME                 // execveat(2) of an fd would leave the fd's number as the name
        ldr     x1, [x19]
        mov     x8, PRCTL
        svc     0

        mov     w21, SIGTERM                    // as the first process of a pid namespace it would be deaf to
listen: mov     w0, w21                         // signals 15 to 1 that have no handler
        adr     x1, action
        mov     x2, 0
        mov     x3, SIGSET_SIZE
        mov     x8, RT_SIGACTION
        svc     0
        subs    w21, w21, 1
        b.ne    listen

        ldr     x1, [x19, 8]
        bl      claim
        mov     w21, w9
        ldr     x1, [x19, 16]
        bl      claim
        mov     w22, w9

        sub     sp, sp, 16
        tbnz    w21, 31, run
wait:   mov     w0, w21
        mov     x1, sp
        mov     x2, 1
        mov     x8, READ
        svc     0
        cmp     x0, 1
        b.eq    run
        cmn     x0, EINTR
        b.eq    wait
refuse: mov     w0, 1
        b       exit

run:    ldr     x23, =DATA
        add     x24, x23, 32
        str     xzr, [x23]                      // also makes the page ours, before anybody may hold on to it
        mov     w21, 126
play:   ldr     x8, [x24]
        cmn     x8, 1
        b.eq    execute                         // the end of the list
        ldr     x9, [x24, 56]
        ldp     x0, x1, [x24, 8]
        ldp     x2, x3, [x24, 24]
        ldp     x4, x5, [x24, 40]
        .irp    number, 0, 1, 2, 3, 4, 5
        tbz     x9, \number, 1f
        ldr     x\number, [x\number]            // what an earlier call has kept
1:
        .endr
        tbnz    x8, 63, look
        svc     0
        cmn     x0, EINTR
        b.eq    play
judge:  ldp     x1, x4, [x24, 96]
        cmp     x0, x1
        b.eq    other
        ldp     x1, x2, [x24, 64]
        cmp     x0, x1
        b.lt    broke
        cmp     x0, x2
        mov     x1, x0
        mov     w0, 0
        b.gt    exit                            // another process goes on with the list
        ldp     x2, x3, [x24, 80]
        add     x1, x1, x3
        str     x1, [x2]
        ldr     x24, [x24, 112]
        b       play
look:   ldr     x0, [x0]                        // no system call: what lies in memory is the result
        and     x0, x0, x1
        b       judge
other:  mov     x24, x4
        b       play

execute: ldr    x0, [x23, 24]
        cbnz    x0, found
        ldr     x0, [x19, 24]
found:  add     x1, x19, 32
        mov     x2, x20
        mov     x8, EXECVE
        svc     0
        cmn     x0, ENOENT                      // it came back, so it failed
        cinc    w21, w21, eq                    // 127
broke:  negs    w0, w0
        b.gt    tell
        mov     w0, EIO                         // less was done than the list demands
tell:   str     w0, [x23]                       // a store, since a filter may forbid what follows
        mov     w0, w22                         // with no outcome fd, write(-1) fails and nobody minds
        mov     x1, x23
        ldr     x2, [x23, 8]
        mov     x8, WRITE
        svc     0
        mov     w0, w22
        ldp     x1, x2, [x24, 120]
        mov     x8, WRITE
        svc     0
        mov     w0, w21
exit:   mov     x8, EXIT_GROUP
        svc     0
        udf     0                               // a filter may forbid even that

ended:  add     w0, w0, 128                     // the handler: exit with 128 + signal
        b       exit

claim:  mov     w9, -1                          // x1: a decimal number or "-"; w9: that fd, now FD_CLOEXEC, or -1
        ldrb    w0, [x1], 1
        cmp     w0, '-'
        b.eq    claimed
        mov     w9, 0
        mov     w10, 10
digit:  sub     w0, w0, '0'
        madd    w9, w9, w10, w0
        ldrb    w0, [x1], 1
        cbnz    w0, digit
        mov     w0, w9
        mov     x1, F_SETFD
        mov     x2, FD_CLOEXEC
        mov     x8, FCNTL
        svc     0
claimed: ret

        .ltorg
        .balign 16
end:
